"""Workers killed, services gone, servers that lie: what becomes of every mail (manage.py chaos)."""
