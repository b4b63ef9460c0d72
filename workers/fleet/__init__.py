"""Who runs which camera: workers, leases, and the plan. Tables of the shared schema."""
