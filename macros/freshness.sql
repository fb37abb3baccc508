{#- The newest load time; NULL when no row has one. -#}
{% macro default__newest(check, relations) -%}
max({{ check.loaded_at }})
{%- endmacro %}
