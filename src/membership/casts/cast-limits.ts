import type { Millis } from '../../base/core.ts'

/** Of a broadcast's or question's name, in UTF-8; at least one. */
export const CAST_NAME_BYTES_MAX = 64
/** Payloads up to this ride in the signed head and flood at once; larger ones follow in pieces. */
export const INLINE_BYTES_MAX = 1_024
export const PAYLOAD_BYTES_MAX = 65_536
/** Fits a member frame of 4 KiB with everything around it. */
export const PIECE_BYTES = 3_584
/** SHA-256, cut: nobody finds a second piece with the same 16 bytes. */
export const PIECE_HASH_BYTES = 16
export const PIECES_MAX: number = Math.ceil(PAYLOAD_BYTES_MAX / PIECE_BYTES)
/** Head, name, 19 hashes and signature, with room. */
export const CAST_BYTES_MAX = 1_536
/** One answer to a query. */
export const ANSWER_BYTES_MAX = 1_024
/** Ways by which an answer travels back. */
export const RELAY_FACTOR_MAX = 3
/** The longest time in which answers are collected. */
export const WITHIN_MS_MAX = 600_000

/** A sender says how many broadcasts it sent in this time: whoever hears it first need not ask for older ones. */
export const BACKLOG_MS: Millis = 30_000
export const BACKLOG_MAX = 4_096
/** What a node keeps of others' and its own broadcasts, to hand it to neighbours that lack it. */
export const STORE_CASTS_MAX = 1_024
export const STORE_BYTES_MAX: number = 4 * 1024 * 1024
export const STORE_AGE_MS: Millis = 300_000

/** What a node may send of its own: well below what the others take from it. */
export const OWN_PER_SECOND = 100
export const OWN_BURST = 200
export const OWN_BYTES_PER_SECOND: number = 256 * 1024
export const OWN_BYTES_BURST: number = 1024 * 1024
/** What is taken from one sender, by whatever way it comes. */
export const SENDER_PER_SECOND = 200
export const SENDER_BURST = 1_000
export const SENDER_BYTES_PER_SECOND: number = 512 * 1024
export const SENDER_BYTES_BURST: number = 2 * 1024 * 1024
/** A sender that was refused so often is not listened to for a while. */
export const REFUSED_MAX = 50
export const MUTE_MS: Millis = 10_000
/** A neighbour that brought so many forgeries is not listened to for as long. */
export const FORGED_MAX = 5

/** Heads over one link: all senders together, copies too. */
export const LINK_HEADS_PER_SECOND = 1_000
export const LINK_HEADS_BURST = 4_000
/** Pieces over one link: 3.5 MB/s. */
export const LINK_PIECES_PER_SECOND = 1_000
export const LINK_PIECES_BURST = 4_000
/** Signatures checked for one neighbour. */
export const LINK_VERIFICATIONS_PER_SECOND = 500
export const LINK_VERIFICATIONS_BURST = 2_000
export const LINK_WANTS_PER_SECOND = 50
export const LINK_WANTS_BURST = 200
/** What one neighbour is handed again because it asked. */
export const LINK_SERVED_BYTES_PER_SECOND: number = 1024 * 1024
export const LINK_SERVED_BYTES_BURST: number = 4 * 1024 * 1024
/** Answers over one link: every member answers a query at about the same time. */
export const LINK_ANSWERS_PER_SECOND = 2_000
export const LINK_ANSWERS_BURST = 12_288

/** Copies of what is missing may be on their way: wait before asking, and between two askings. */
export const WANT_DELAY_MS: Millis = 20
export const WANT_RETRY_MS: Millis = 50
/** Ranges and broadcasts that one request names. */
export const WANT_RANGES_MAX = 16
export const WANT_CASTS_MAX = 64
/** A neighbour that says it holds something and sends nothing is asked so often. */
export const UNANSWERED_MAX = 4
/** How long the order of one sender is kept waiting for what is missing. */
export const GAP_MS: Millis = 2_000
/** Broadcasts of one sender that wait for an earlier one. */
export const STAGED_MAX = 256
/** Neighbours are reminded of what was broadcast in this time, so often. */
export const REMIND_FOR_MS: Millis = 10_000
export const REMIND_MS: Millis = 1_000
/** Senders of whom one link is reminded at once. */
export const REMIND_SENDERS_MAX = 64

/** No piece for so long: ask for the rest (Plumtree's graft). */
export const GRAFT_MS: Millis = 100
/** A link that brought so many known pieces more than new ones needs not push (Plumtree's prune). */
export const DUPLICATES_MAX = 5
/** Payloads being put together. */
export const ASSEMBLIES_MAX = 64
export const ASSEMBLY_MS_MAX: Millis = 10_000

/** Queries of this node, and questions of others that are being answered, at once. */
export const QUERIES_MAX = 64
export const ROUTES_MAX = 256
/** Answers wait this long for the other ways back to become known. */
export const ANSWER_DELAY_MS: Millis = 20
export const QUERY_BYTES_MAX: number = 16 * 1024 * 1024
/** Answers relayed for one question: every member's, and some that are not what they claim. */
export const RELAYED_MAX = 16_384
