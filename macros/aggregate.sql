{#- One aggregate over the rows. -#}
{% macro default__value(check, relations) -%}
{{ check.value }}
{%- endmacro %}
