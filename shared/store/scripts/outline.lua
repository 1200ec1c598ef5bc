-- outline.lua: what happened to which run, page by page, without the details: a log is long, and its entries are large.
--
-- KEYS  1 events (stream)
-- ARGV  1 position behind which to look    2 most entries to look at    3 run number; '' for all runs
-- Returns {last position looked at; '' if there was none, lines "position kind<tab>run"}. Reads only.

local rows = redis.call('XRANGE', KEYS[1], '(' .. ARGV[1] .. '-0', '+', 'COUNT', ARGV[2])
local last, lines = '', {}
for _, row in ipairs(rows) do
  last = string.match(row[1], '^%d+')
  local fields = row[2]
  local body = fields[1] == 'e' and fields[2] or fields[4]
  local kind, run = string.match(body, '^{"kind":"([%a ]+)","run":(%d+)[,}]')
  if not kind then
    local event = cjson.decode(body)
    kind, run = event.kind, event.run and string.format('%d', event.run)
  end
  if run and (ARGV[3] == '' or run == ARGV[3]) then
    lines[#lines + 1] = last .. ' ' .. kind .. '\t' .. run
  end
end
return {last, table.concat(lines, '\n')}
