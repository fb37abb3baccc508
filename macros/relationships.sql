{#- A row is bad when its key is not found among the keys of the other relation. -#}
{% macro default__query(check, relations) -%}
select
    count(*) as rows_seen,
    count(case when parent.found is null{% if check.null_passes %} and child.wanted is not null{% endif %} then 1 end) as bad
from (
    select {{ check.column | identifier }} as wanted
    from {{ relations[0] }} as child_rows
) as child
left join (
    select distinct {{ check.to | identifier }} as found
    from {{ relations[1] }} as parent_rows
    where {{ check.to | identifier }} is not null
) as parent on child.wanted = parent.found
{%- endmacro %}

{#- The server answers NOT EXISTS without the distinct keys of the other side. -#}
{% macro postgres__query(check, relations) -%}
select
    (select count(*) from {{ relations[0] }} as counted) as rows_seen,
    count(*) as bad
from {{ relations[0] }} as child
where{% if check.null_passes %} child.{{ check.column | identifier }} is not null and{% endif %} not exists (
    select 1 from {{ relations[1] }} as parent where parent.{{ check.to | identifier }} = child.{{ check.column | identifier }}
)
{%- endmacro %}

{#- Which rows fail, for samples. -#}
{% macro default__failing(check, relations) -%}
{{ check.column | identifier }} not in (
    select parent.{{ check.to | identifier }} from {{ relations[1] }} as parent where parent.{{ check.to | identifier }} is not null
){% if not check.null_passes %} or {{ check.column | identifier }} is null{% endif %}
{%- endmacro %}
