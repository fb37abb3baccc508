{# The Monday of the week that a date lies in. #}
{% macro week_of(date_column) -%}
    cast(date_trunc('week', {{ date_column }}) as date)
{%- endmacro %}
