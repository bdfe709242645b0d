"""The Orders API: orders of CRM contacts, in integer minor units of a currency.

Layers, each imports only what stands below it:
    cli, app        composition: settings, storage and endpoints meet here alone
    endpoints       HTTP            storage     SQL          (neither sees the other)
    orders          what an order is and what may be done with it
    settings
"""
