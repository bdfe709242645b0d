"""The Orders API: orders of CRM contacts, in integer minor units of a currency.

Layers, each imports only what stands below it:
    cli, app, doctor    composition: settings, storage and endpoints meet in app and cli alone
    endpoints           HTTP            storage     SQL          (neither sees the other)
    orders              what an order is and what may be done with it
    customers           whether the caller may name a contact: asked at the CRM, by token exchange
    history             who changed what
    lifecycle           where an order can stand, and the moves between: one table
    currencies, settings
"""
