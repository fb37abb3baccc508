{#- A row is bad when its number is not shown to be finite and within the bounds. -#}
{% macro good(check) -%}
{%- set column = check.column | identifier -%}
{{ column | finite }}{% if check.min is not none %} and {{ column }} >= {{ check.min | literal }}{% endif %}{% if check.max is not none %} and {{ column }} <= {{ check.max | literal }}{% endif %}{% if check.null_passes %} or {{ column }} is null{% endif %}
{%- endmacro %}

{% macro default__bad(check, relations) -%}
count(*) - count(case when {{ good(check) }} then 1 end)
{%- endmacro %}

{#- Which rows fail, for samples. -#}
{% macro default__failing(check, relations) -%}
case when {{ good(check) }} then 0 else 1 end = 1
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
