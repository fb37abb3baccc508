{#-
about: No row pays more for a click than is agreed.
title: Price of a click
unit: campaign days
wrong: whose clicks cost more than agreed
arguments:
  spent: {type: column, about: What was paid.}
  clicks: {type: column, about: For how many clicks.}
  most: {type: number, about: The highest price of one click., default: 2.50}
  free: {type: truth, about: Whether a row without a click may cost something., default: false}
measures: {bad: count, highest: number}
-#}
{% macro default__bad(check, relations) -%}
{%- set spent, clicks = check.spent | identifier, check.clicks | identifier -%}
count(*) - count(case when {{ spent | finite }} and {{ spent }} <= {{ check.most | literal }} * {{ clicks }}{% if check.free %} or {{ clicks }} = 0{% endif %} then 1 end)
{%- endmacro %}

{% macro default__highest(check, relations) -%}
max({{ check.spent | identifier }} / nullif({{ check.clicks | identifier }}, 0))
{%- endmacro %}
