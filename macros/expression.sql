{#- A row is bad when the expression is not true; with null_passes, when it is false. -#}
{% macro default__bad(check, relations) -%}
{% if check.null_passes -%}
count(case when not (
    {{ check.expression }}
) then 1 end)
{%- else -%}
count(*) - count(case when (
    {{ check.expression }}
) then 1 end)
{%- endif %}
{%- endmacro %}

{#- Alone in WHERE, blocks whose least and greatest values rule it out are not read. -#}
{% macro duckdb__rows(check, relations) -%}
{% if check.null_passes -%}
(
    {{ check.expression }}
) is false
{%- else -%}
(
    {{ check.expression }}
) is not true
{%- endif %}
{%- endmacro %}

{#- Which rows fail, for samples. -#}
{% macro default__failing(check, relations) -%}
{% if check.null_passes -%}
not (
    {{ check.expression }}
)
{%- else -%}
case when (
    {{ check.expression }}
) then 0 else 1 end = 1
{%- endif %}
{%- endmacro %}
