"""The scripts of `RedisLog`: each call to the server is one of them.

A script is atomic, on a cluster too. And a client that reads from replicas still sends it to the
primary: a replica may be behind, so that a reader would miss a revocation.
"""

# The first command writes nothing, but fails where nothing can be written, such as on a replica.
PING = """
redis.call('ZREMRANGEBYRANK', KEYS[1], 1, 0)
return redis.call('TIME')
"""
NOW = "return redis.call('TIME')"

# A client whose clock is ahead would delete entries that the others need: use the server's clock.
# A key of another type must fail before anything is written, hence XLEN.
APPEND = """
redis.call('XLEN', KEYS[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', redis.call('TIME')[1] - ARGV[1])
for n = 3, #ARGV, 2 do
    local key, expires_at = ARGV[n], ARGV[n + 1]
    redis.call('ZADD', KEYS[1], 'GT', expires_at, key)
    redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[2], '*', 'key', key, 'expires_at', expires_at)
end
"""
FED_SINCE = "return redis.call('XRANGE', KEYS[1], ARGV[1], '+')"
LAST_FED = "return redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)"

# Return a page of the set, ordered by expiry, after a key with its expiry. If another process has
# prolonged or deleted that entry, begin at the first entry with the same expiry. ZSCAN would not
# do: after a failover its cursor means nothing, and entries would be left out silently.
PAGE_AFTER = """
local first = 0
if ARGV[2] then
    local expires_at = redis.call('ZSCORE', KEYS[1], ARGV[2])
    if expires_at and tonumber(expires_at) == tonumber(ARGV[3]) then
        first = redis.call('ZRANK', KEYS[1], ARGV[2]) + 1
    else
        first = redis.call('ZCOUNT', KEYS[1], '-inf', '(' .. ARGV[3])
    end
end
return redis.call('ZRANGE', KEYS[1], first, first + ARGV[1] - 1, 'WITHSCORES')
"""
LATEST_EXPIRY = "return redis.call('ZSCORE', KEYS[1], ARGV[1])"
EXPIRIES = "return redis.call('ZMSCORE', KEYS[1], unpack(ARGV))"

ADD = """
local amount = tonumber(ARGV[2])
local count = tonumber(redis.call('GET', KEYS[1]))
if count and count + amount <= 0 then
    redis.call('DEL', KEYS[1])
    return 0
elseif count then
    return redis.call('INCRBY', KEYS[1], amount)
elseif amount > 0 then
    redis.call('SET', KEYS[1], amount, 'EX', ARGV[1])
    return amount
end
return 0
"""
COUNT = "return {redis.call('GET', KEYS[1]) or 0, redis.call('PTTL', KEYS[1])}"
