{#- The columns of one relation, as the warehouse describes them. -#}
{% macro described(columns) -%}
with described as (
{{ columns }}
),
head as (
    select count(*) as rows_seen from described
),
listed as (
    select row_number() over (order by place, column_name) as item, column_name, data_type, is_nullable from described
)
select head.rows_seen, listed.item, listed.column_name, listed.data_type, listed.is_nullable
from head
left join listed on 1 = 1
order by listed.item
{%- endmacro %}

{% macro default__listing(check, relations) -%}
{%- set columns -%}
    select
        {{ "column_name" | text }} as column_name,
        {{ "data_type" | text }} as data_type,
        {{ "is_nullable" | text }} as is_nullable,
        ordinal_position as place
    from information_schema.columns
    where lower(table_name) = lower({{ check.table | literal }})
        and lower(table_schema) = lower({{ check.schema | literal }})
{%- if check.database is not none %}
        and lower(table_catalog) = lower({{ check.database | literal }})
{%- endif %}
{%- endset -%}
{{ described(columns) }}
{%- endmacro %}

{#- PostgreSQL's information schema has neither materialized views nor the numbers in a type's brackets in one place. -#}
{% macro postgres__listing(check, relations) -%}
{%- set columns -%}
    select
        cast(attribute.attname as text) as column_name,
        format_type(attribute.atttypid, attribute.atttypmod) as data_type,
        case when attribute.attnotnull then 'NO' else 'YES' end as is_nullable,
        attribute.attnum as place
    from pg_catalog.pg_attribute as attribute
    where attribute.attrelid = to_regclass({{ relations[0] | literal }})
        and attribute.attnum > 0
        and not attribute.attisdropped
{%- endset -%}
{{ described(columns) }}
{%- endmacro %}
