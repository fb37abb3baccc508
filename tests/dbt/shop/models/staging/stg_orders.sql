{{ config(materialized='ephemeral') }}
select id, amount, customer_id, ordered_on from {{ source('raw','orders') }}
