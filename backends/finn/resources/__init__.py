"""What FINN's nodes take: FINN's own formulas, and our resource models of routed builds."""
