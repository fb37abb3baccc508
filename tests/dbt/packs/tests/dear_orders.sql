-- At most one order is dear.
{{ config(error_if = '>1', warn_if = '>0') }}
select * from {{ ref('orders') }} where amount > 25
