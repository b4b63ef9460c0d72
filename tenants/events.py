"""The signals of this app, sent after the transaction is committed.

About tokens and keys, for code that keeps a record of them. No event ever carries a secret. All are sent with
`kind` (`access`, `refresh`, `key`), `tenant` (on the public host, the installation's own), `address` (None
outside of a request) and, where they are known, `user` and `key`: their ids.

    credential_issued    a login gave tokens (kind `access`, `family`), or a key was made (kind `key`)
    credential_used      a refresh token was used, or a key was exchanged for a token (`family`)
    credential_revoked   a family (`family`, `reason`) or a key (`reason`) is over before its time
    credential_refused   with `name`, what the credential called itself (prefix, kid or jti; at most 64
                         printable characters, chosen by its sender), and `reason`, which is for the
                         log: the answer does not tell it

Of settings: `visitors_shared`, sent in the tenant whose sites share their visitors from now on;
`networks_allowed`, sent in the tenant that may use other private networks from now on.
"""

from django.dispatch import Signal

credential_issued = Signal()
credential_used = Signal()
credential_revoked = Signal()
credential_refused = Signal()
visitors_shared = Signal()
networks_allowed = Signal()
