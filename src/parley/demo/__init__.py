"""A newcomer's first five minutes: real nodes on this machine, a market, a liar and a crash."""
