{#- A row is bad when its number is not shown to be finite and within the bounds. -#}
{% macro default__bad(check, relations) -%}
{%- set column = check.column | identifier -%}
count(*) - count(case when {{ column | finite }}{% if check.min is not none %} and {{ column }} >= {{ check.min | literal }}{% endif %}{% if check.max is not none %} and {{ column }} <= {{ check.max | literal }}{% endif %}{% if check.null_passes %} or {{ column }} is null{% endif %} then 1 end)
{%- endmacro %}
