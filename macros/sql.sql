{#- The query returns the failing rows; the rows of the model are the evidence that there was something to fail. -#}
{% macro default__bad(check, relations) -%}
(select count(*) from (
{{ check.query }}
    ) as failing)
{%- endmacro %}
