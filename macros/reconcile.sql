{#- One row for each key of either side, and for each step of a bridge. Grouping makes a NULL key equal to a NULL key; a side without rows has no key at
    all. Each side is read once. -#}
{% macro side_keys(by) -%}
{% for key in by %}{{ key | identifier }} as key_{{ loop.index }}, {% endfor %}
{%- endmacro %}

{% macro key_names(by) -%}
{% for key in by %}key_{{ loop.index }}, {% endfor %}
{%- endmacro %}

{% macro key_text(by) -%}
{% if by %}{% for key in by %}coalesce({{ ("key_" ~ loop.index) | text }}, 'NULL'){% if not loop.last %} || ', ' || {% endif %}{% endfor %}{% else %}'all'{% endif %}
{%- endmacro %}

{% macro grouped(by) -%}
{% if by %}
    group by {% for key in by %}{{ key | identifier }}{% if not loop.last %}, {% endif %}{% endfor %}{% endif %}
{%- endmacro %}

{% macro sum_of_steps(steps) -%}
{% for step in steps %}step_{{ loop.index }}{% if not loop.last %} + {% endif %}{% endfor %}
{%- endmacro %}

{#- One side by itself, where the other is on another connection: its keys, its value, its steps. They are compared in the program. -#}
{% macro default__side(check, relations) -%}
select {{ side_keys(check.by) }}{{ check[check.side ~ "_value"] }} as side_value{% for step in check.steps %}, {{ check[check.side ~ "_step_" ~ loop.index] }} as step_{{ loop.index }}{% endfor %}
from {{ relations[0] }} as side{{ grouped(check.by) }}
having count(*) > 0
{%- endmacro %}

{% macro default__listing(check, relations) -%}
{%- set names = key_names(check.by) -%}
with left_side as (
    select {{ side_keys(check.by) }}{{ check.left_value }} as side_value{% for step in check.steps %}, {{ check["left_step_" ~ loop.index] }} as step_{{ loop.index }}{% endfor %}
    from {{ relations[0] }} as side{{ grouped(check.by) }}
    having count(*) > 0
),
right_side as (
    select {{ side_keys(check.by) }}{{ check.right_value }} as side_value{% for step in check.steps %}, {{ check["right_step_" ~ loop.index] }} as step_{{ loop.index }}{% endfor %}
    from {{ relations[1] }} as side{{ grouped(check.by) }}
    having count(*) > 0
),
sides as (
    select {{ names }}0 as step, side_value as left_value, null as right_value, 1 as on_left, 0 as on_right from left_side
    union all
    select {{ names }}0 as step, null as left_value, side_value as right_value, 0 as on_left, 1 as on_right from right_side
{%- for step in check.steps %}
    union all
    select {{ names }}{{ loop.index }} as step, step_{{ loop.index }} as left_value, null as right_value, 1 as on_left, 0 as on_right from left_side
    union all
    select {{ names }}{{ loop.index }} as step, null as left_value, step_{{ loop.index }} as right_value, 0 as on_left, 1 as on_right from right_side
{%- endfor %}
{%- if check.steps %}
    union all
    select {{ names }}{{ check.steps | length + 1 }} as step, side_value as left_value, {{ sum_of_steps(check.steps) }} as right_value, 1 as on_left, 1 as on_right from left_side
    union all
    select {{ names }}{{ check.steps | length + 2 }} as step, side_value as left_value, {{ sum_of_steps(check.steps) }} as right_value, 1 as on_left, 1 as on_right from right_side
{%- endif %}
),
pairs as (
    select {{ names }}step, max(left_value) as l, max(right_value) as r, max(on_left) as on_left, max(on_right) as on_right
    from sides
    group by {{ names }}step
),
compared as (
    select
        {{ names }}step,
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
),
head as (
    select
        count(*) as rows_seen,
        count(case when state = 'beyond' then 1 end) as beyond,
        count(case when state = 'left_only' then 1 end) as left_only,
        count(case when state = 'right_only' then 1 end) as right_only,
        count(case when state = 'not_finite' then 1 end) as not_finite,
        count(case when state = 'zero_base' then 1 end) as zero_base,
        {{ "sum(case when step = 0 then l end)" | text }} as left_total,
        {{ "sum(case when step = 0 then r end)" | text }} as right_total,
        {{ "max(case when state in ('agrees', 'beyond') then abs(l - r) end)" | text }} as worst_difference
    from compared
),
told as (
    select
        1 as part,
        case when state = 'beyond' then 0 else 1 end as urgency,
        case when state = 'beyond' then abs(l - r) end as apart,
        step,
        {{ key_text(check.by) }} as in_key,
        {{ "l" | text }} as left_text,
        {{ "r" | text }} as right_text,
        case when state = 'beyond' then {{ "l - r" | text }} end as difference,
        state
    from compared
    where state <> 'agrees'
{%- if check.steps %}
    union all
    select
        0 as part,
        0 as urgency,
        null as apart,
        step,
        'all' as in_key,
        {{ "sum(l)" | text }} as left_text,
        {{ "sum(r)" | text }} as right_text,
        {{ "sum(l) - sum(r)" | text }} as difference,
        'step' as state
    from compared
    group by step
{%- endif %}
),
listed as (
    select
        row_number() over (order by part, urgency, case when apart is null then 1 else 0 end, apart desc, in_key, step) as item,
        part, step, in_key, left_text, right_text, difference, state
    from told
)
select
    head.rows_seen, head.beyond, head.left_only, head.right_only, head.not_finite, head.zero_base, head.left_total, head.right_total,
    head.worst_difference,
    listed.item, listed.step, listed.in_key, listed.left_text, listed.right_text, listed.difference, listed.state
from head
left join listed on listed.item <= {{ check.most }}
order by listed.item
{%- endmacro %}
