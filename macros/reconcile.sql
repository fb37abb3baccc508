{#- One row for each key of either side. Grouping makes a NULL key equal to a NULL key; a side without rows has no key at all. -#}
{% macro side_keys(by) -%}
{% for key in by %}{{ key | identifier }} as key_{{ loop.index }}, {% endfor %}
{%- endmacro %}

{% macro key_names(by) -%}
{% for key in by %}key_{{ loop.index }}{% if not loop.last %}, {% endif %}{% endfor %}
{%- endmacro %}

{% macro grouped(by) -%}
{% if by %}
    group by {% for key in by %}{{ key | identifier }}{% if not loop.last %}, {% endif %}{% endfor %}{% endif %}
{%- endmacro %}

{% macro default__query(check, relations) -%}
with sides as (
    select {{ side_keys(check.by) }}{{ check.left_value }} as left_value, null as right_value, 1 as on_left, 0 as on_right
    from {{ relations[0] }} as side{{ grouped(check.by) }}
    having count(*) > 0
    union all
    select {{ side_keys(check.by) }}null as left_value, {{ check.right_value }} as right_value, 0 as on_left, 1 as on_right
    from {{ relations[1] }} as side{{ grouped(check.by) }}
    having count(*) > 0
),
pairs as (
    select max(left_value) as l, max(right_value) as r, max(on_left) as on_left, max(on_right) as on_right
    from sides{% if check.by %}
    group by {{ key_names(check.by) }}{% endif %}
    having count(*) > 0
),
compared as (
    select
        l,
        r,
        case
            when on_right = 0 then 'left_only'
            when on_left = 0 then 'right_only'
            when l is null or r is null then 'not_finite'
            when not ({{ "l" | finite }}) or not ({{ "r" | finite }}) then 'not_finite'
            {%- if check.relative is not none and check.absolute is none %}
            when r = 0 and l <> 0 then 'zero_base'
            {%- endif %}
            {%- if check.absolute is not none %}
            when abs(l - r) <= {{ check.absolute | literal }} then 'agrees'
            {%- endif %}
            {%- if check.relative is not none %}
            when abs(l - r) <= {{ check.relative | literal }} * abs(r) then 'agrees'
            {%- endif %}
            {%- if check.relative is none and check.absolute is none %}
            when l = r then 'agrees'
            {%- endif %}
            else 'beyond'
        end as state
    from pairs
)
select
    count(*) as rows_seen,
    count(case when state = 'beyond' then 1 end) as beyond,
    count(case when state = 'left_only' then 1 end) as left_only,
    count(case when state = 'right_only' then 1 end) as right_only,
    count(case when state = 'not_finite' then 1 end) as not_finite,
    count(case when state = 'zero_base' then 1 end) as zero_base,
    {{ "sum(l)" | text }} as left_total,
    {{ "sum(r)" | text }} as right_total,
    {{ "max(case when state in ('agrees', 'beyond') then abs(l - r) end)" | text }} as worst_difference
from compared
{%- endmacro %}
