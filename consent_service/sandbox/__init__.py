"""Local ID-porten, Maskinporten, Digipost and KRR as real HTTP servers; refuses to start in production."""
