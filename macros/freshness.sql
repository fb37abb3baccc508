{#- The newest load time; NULL when no row has one. dbt's loaded_at_query finds it by itself. -#}
{% macro default__newest(check, relations) -%}
{% if check.loaded_at_query is not none -%}
(
{{ check.loaded_at_query }}
)
{%- else -%}
max({{ check.loaded_at }})
{%- endif %}
{%- endmacro %}

{#- The newest load time of each group, the oldest of them first. -#}
{% macro default__listing(check, relations) -%}
{%- set group = check.group_by | identifier -%}
with arrived as (
    select {{ group }} as in_group, count(*) as row_count, max(
        {{ check.loaded_at }}
    ) as newest
    from {{ relations[0] }} as checked
    group by {{ group }}
),
head as (
    select coalesce(sum(row_count), 0) as rows_seen, max(newest) as newest, count(*) as group_count from arrived
),
listed as (
    select
        row_number() over (order by case when newest is null then 0 else 1 end, newest, in_group) as item,
        {{ "in_group" | text }} as in_group,
        newest
    from arrived
)
select head.rows_seen, head.newest, head.group_count, listed.item, listed.in_group, listed.newest
from head
left join listed on 1 = 1
order by listed.item
{%- endmacro %}
