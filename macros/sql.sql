{#- The query returns the failing rows; the rows of the model are the evidence that there was something to fail. -#}
{% macro default__query(check, relations) -%}
select
    (select count(*) from {{ relations[0] }} as checked) as rows_seen,
    (select count(*) from (
{{ check.query }}
    ) as failing) as bad
{%- endmacro %}
