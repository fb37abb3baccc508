{#- A row is bad when its number is not shown to be finite and within the bounds. -#}
{% macro default__bad(check, relations) -%}
{%- set column = check.column | identifier -%}
count(*) - count(case when {{ column | finite }}{% if check.min is not none %} and {{ column }} >= {{ check.min | literal }}{% endif %}{% if check.max is not none %} and {{ column }} <= {{ check.max | literal }}{% endif %}{% if check.null_passes %} or {{ column }} is null{% endif %} then 1 end)
{%- endmacro %}

{#- The least and the greatest value say it for all, if none is NULL; NaN is the greatest. -#}
{% macro all_within(check) -%}
{%- set column = check.column | identifier -%}
case when count(*) = count({{ column }}) and {{ ("min(" ~ column ~ ")") | finite }} and {{ ("max(" ~ column ~ ")") | finite }}{% if check.min is not none %} and min({{ column }}) >= {{ check.min | literal }}{% endif %}{% if check.max is not none %} and max({{ column }}) <= {{ check.max | literal }}{% endif %} then 0 else 1 end
{%- endmacro %}

{% macro duckdb__statistics(check, relations) -%}
{{ all_within(check) }}
{%- endmacro %}

{% macro postgres__doubt(check, relations) -%}
{{ all_within(check) }}
{%- endmacro %}
