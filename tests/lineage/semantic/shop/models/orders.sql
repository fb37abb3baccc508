select 1 as order_id, 1 as customer_id, timestamp '2026-01-01' as ordered_at, timestamp '2026-01-02' as shipped_at, 10.0 as amount, 1.0 as discount,
    'done' as status, true as is_gift, 'note' as note
