-- Every week with every sales channel, so that a quiet channel still has a row.
{{ config(materialized='ephemeral') }}

with weeks as (

    select week_start from {{ ref('stg_calendar_weeks') }}

),

channels as (

    select 'online' as sales_channel
    union all
    select 'store' as sales_channel

)

select
    weeks.week_start,
    channels.sales_channel
from weeks
cross join channels
