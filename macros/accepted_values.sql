{#- A row is bad when its value is not shown to be on the list. -#}
{% macro good(check) -%}
{%- set column = check.column | identifier -%}
{{ column }} in ({% for value in check.values %}{{ value | literal }}{% if not loop.last %}, {% endif %}{% endfor %}){% if check.null_passes %} or {{ column }} is null{% endif %}
{%- endmacro %}

{% macro default__bad(check, relations) -%}
count(*) - count(case when {{ good(check) }} then 1 end)
{%- endmacro %}

{#- Which rows fail, for samples. -#}
{% macro default__failing(check, relations) -%}
case when {{ good(check) }} then 0 else 1 end = 1
{%- endmacro %}

{#- Over the distinct values: while all are on the list, there are no more than the list has. -#}
{% macro duckdb__values(check, relations) -%}
{{ default__bad(check, relations) }}
{%- endmacro %}
