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
