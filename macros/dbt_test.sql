{#- dbt's own query and fail_calc; the least number of rows of any relation that it is about is the evidence. -#}
{% macro default__query(check, relations) -%}
select
    {% if relations | length > 1 %}least({% endif %}{% for relation in relations %}(select count(*) from {{ relation }} as checked){% if not loop.last %}, {% endif %}{% endfor %}{% if relations | length > 1 %}){% endif %} as rows_seen,
    (select {{ check.fail_calc }} from (
{{ check.query }}
    ) as dbt_internal_test) as bad
{%- endmacro %}

{#- SQLite's least of several values is called min. -#}
{% macro sqlite__query(check, relations) -%}
select
    {% if relations | length > 1 %}min({% endif %}{% for relation in relations %}(select count(*) from {{ relation }} as checked){% if not loop.last %}, {% endif %}{% endfor %}{% if relations | length > 1 %}){% endif %} as rows_seen,
    (select {{ check.fail_calc }} from (
{{ check.query }}
    ) as dbt_internal_test) as bad
{%- endmacro %}
