{#- A row is bad when its value is not shown to be on the list. -#}
{% macro default__bad(check, relations) -%}
{%- set column = check.column | identifier -%}
count(*) - count(case when {{ column }} in ({% for value in check.values %}{{ value | literal }}{% if not loop.last %}, {% endif %}{% endfor %}){% if check.null_passes %} or {{ column }} is null{% endif %} then 1 end)
{%- endmacro %}

{#- Over the distinct values: while all are on the list, there are no more than the list has. -#}
{% macro duckdb__values(check, relations) -%}
{{ default__bad(check, relations) }}
{%- endmacro %}
