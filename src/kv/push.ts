import type { Millis } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import type { DhtRecord } from '../records/record.ts'
import { recordKey } from '../records/record-key.ts'
import type { CallReply } from './calls.ts'
import { encodeFrame } from './frame.ts'
import { type KvContext, keepIfOurs, recordInAnswer } from './kv-context.ts'

/**
 * Sends a record to a peer that lacks it, in the background. When the peer turns out to hold a newer
 * one, that is taken in here.
 * @param done called once, with whether the peer holds this record or a newer one now
 */
export function pushRecord(
  context: KvContext,
  { record, peer }: { readonly record: DhtRecord; readonly peer: PeerId },
  now: Millis,
  done: (outcome: 'held' | 'refused' | 'failed', now: Millis) => void = () => {},
): void {
  const call = context.calls.open({
    frame: (id) => encodeFrame({ type: 'put', id, record: record.bytes }),
    lane: 'bulk',
    listener: {
      answered(_peer: PeerId, reply: CallReply, at: Millis): void {
        call.close()
        if (reply.type === 'superseded' && reply.record !== undefined) {
          const asked = { bytes: reply.record, recordKey: recordKey(record) }
          const newer = recordInAnswer(context, asked, at)
          if (newer !== undefined) keepIfOurs(context, newer, at)
        }
        done(reply.type === 'refused' ? 'refused' : 'held', at)
      },
      failed(_peer: PeerId, _failure: unknown, at: Millis): void {
        call.close()
        done('failed', at)
      },
    },
  })
  call.ask(peer, now)
}
