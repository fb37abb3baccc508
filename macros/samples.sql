{#- Some failing rows of a check, as text: the statement around what the kind's template says of a failing row. -#}
{% macro default__query(check, relations) -%}
select {% for column in check.columns %}{{ column | identifier | text }} as sample_{{ loop.index }}{% if not loop.last %}, {% endif %}{% endfor %}
from {{ relations[0] }} as failing
{%- if check.failing is not none %}
where (
{{ check.failing }}
)
{%- endif %}
order by {% for column in check.columns %}{{ loop.index }}{% if not loop.last %}, {% endif %}{% endfor %}
limit {{ check.limit }}
{%- endmacro %}
