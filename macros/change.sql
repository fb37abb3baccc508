{#- The metric's own value. -#}
{% macro default__value(check, relations) -%}
{{ check.value }}
{%- endmacro %}
