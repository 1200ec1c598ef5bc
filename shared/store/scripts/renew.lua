-- renew.lua: extend the lease of a run and store its progress, only for its owner.
--
-- KEYS  1 runs (hash)   2 leases (zset)   3 progress (hash)
-- ARGV  1 run number    2 run id          3 token    4 nonce    5 lease in ms    6 progress (JSON); '' for none
-- Returns 'OK' | 'CANCEL' (still owned, but the run must end) | 'STOP' (its training must end) | 'FENCED'.
-- An expired lease that was not reaped yet is still owned.

local text = redis.call('HGET', KEYS[1], ARGV[1])
local run = text and cjson.decode(text)
local owner = run and run.owner
if not owner or owner == cjson.null or owner.token ~= tonumber(ARGV[3]) or owner.nonce ~= ARGV[4] then
  return 'FENCED'
end
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('ZADD', KEYS[2], now + tonumber(ARGV[5]), ARGV[2])
if ARGV[6] ~= '' then redis.call('HSET', KEYS[3], ARGV[1], ARGV[6]) end
if run.cancel_requested then return 'CANCEL' end
if run.early_stop and run.state == 'training' then return 'STOP' end
return 'OK'
