-- heartbeat.lua: record that a worker is live, and remove those that were silent for long.
--
-- KEYS  1 workers (hash)   2 workers:seen (zset)   3 store's id (string)
-- ARGV  1 worker           2 what it announces (JSON); '' to sign off    3 remove after (ms)
--       4 the store's id as this worker knows it; '' if it does not      5 an id for a store without one
-- Returns the store's id. If the worker knows another one, nothing is written.

local id = redis.call('GET', KEYS[3]) or ''
if ARGV[4] ~= '' and id ~= ARGV[4] then return id end
if id == '' and ARGV[2] ~= '' then
  id = ARGV[5]
  redis.call('SET', KEYS[3], id)
end
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
for _, silent in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now - tonumber(ARGV[3]))) do
  redis.call('HDEL', KEYS[1], silent)
  redis.call('ZREM', KEYS[2], silent)
end
if ARGV[2] == '' then
  redis.call('HDEL', KEYS[1], ARGV[1])
  redis.call('ZREM', KEYS[2], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
  redis.call('ZADD', KEYS[2], now, ARGV[1])
end
return id
