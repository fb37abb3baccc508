select
    snapshot_date,
    {{ week_of('snapshot_date') }} as week_start,
    warehouse,
    sku,
    on_hand
from {{ source('wms', 'inventory_snapshots') }}
