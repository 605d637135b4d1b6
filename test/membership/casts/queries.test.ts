import { describe, expect, test } from 'vitest'
import { signAnswer } from '../../../src/membership/casts/answer.ts'
import { encodeCastFrame } from '../../../src/membership/casts/cast-frame.ts'
import type { CastOutput, QueryResult } from '../../../src/membership/casts/cast-io.ts'
import { type CastNode, Net } from './net.ts'

const PAYLOAD = Uint8Array.of(1, 2, 3)

function ask(
  net: Net,
  node: CastNode,
  options: { withinMs?: number; relayFactor?: number } = {},
): void {
  const { withinMs = 2_000, relayFactor = 1 } = options
  net.input(node, { type: 'query', request: 7, name: 'q', payload: PAYLOAD, withinMs, relayFactor })
}

function resultOf(node: CastNode): QueryResult | undefined {
  const done = node.done.find(
    (output): output is CastOutput & { type: 'query-done' } => output.type === 'query-done',
  )
  expect(done?.request ?? 7).toBe(7)
  return done?.result
}

function question(node: CastNode): string {
  const asked = node.done.find(({ type }) => type === 'question')
  return asked?.type === 'question' ? asked.id : ''
}

describe('queries', () => {
  test('every one of 500 answers once, over links and relays, and the query ends with the last', () => {
    const net = new Net({ seed: 1, nodes: 500 })
    ask(net, net.node(0))
    net.run(1_000)
    const result = resultOf(net.node(0))
    expect(new Set(result?.answers.map(({ peer }) => peer)).size).toBe(500)
    expect(result?.answers.length).toBe(500)
    expect(result?.answers.every(({ payload }) => Buffer.from(payload).equals(PAYLOAD))).toBe(true)
    expect(result?.silent).toEqual([])
  })

  test('every one of 300 answers over links that retransmit a quarter of the frames', () => {
    const net = new Net({ seed: 2, nodes: 300, loss: 0.25, lossMode: 'retransmit' })
    ask(net, net.node(0), { withinMs: 8_000 })
    net.run(8_100)
    expect(resultOf(net.node(0))?.answers.length).toBe(300)
  })

  test('three ways back bring more answers than one when relays die under way', () => {
    const silent = (relayFactor: number): number => {
      const net = new Net({ seed: 2, nodes: 300, thinkMs: 150 })
      ask(net, net.node(0), { relayFactor })
      net.run(100)
      for (const node of net.nodes) if (node.index % 6 === 5) node.isUp = false
      net.run(2_500)
      return resultOf(net.node(0))?.silent.length ?? 300
    }
    expect(silent(3)).toBeLessThan(silent(1) / 3)
  })

  test('who says nothing is named when the time is over', () => {
    const net = new Net({ seed: 3, nodes: 20 })
    net.node(4).isMute = true
    ask(net, net.node(0))
    net.run(1_900)
    expect(resultOf(net.node(0))).toBeUndefined()
    net.run(200)
    const result = resultOf(net.node(0))
    expect(result?.silent).toEqual([net.node(4).id])
    expect(result?.answers.length).toBe(19)
  })

  test('answers that come too late are counted and dropped', () => {
    const net = new Net({ seed: 4, nodes: 3, thinkMs: 300 })
    ask(net, net.node(0), { withinMs: 200 })
    net.run(1_000)
    expect(resultOf(net.node(0))?.answers).toEqual([])
    expect(net.nodes.reduce((sum, node) => sum + node.drop('answer-late'), 0)).toBe(3)
  })

  test('nobody can answer for another, and a true answer still counts', () => {
    const net = new Net({ seed: 5, nodes: 3, thinkMs: 100 })
    const [asker, liar, victim] = [net.node(0), net.node(1), net.node(2)]
    ask(net, asker)
    net.run(50)
    const [, epoch, sequence] = question(asker).split('-').map(Number)
    const forged = signAnswer(liar.signer, 'net', {
      asker: asker.signer.publicKey,
      ...{ epoch: epoch ?? 0, sequence: sequence ?? 0, status: 'ok', payload: Uint8Array.of(6) },
    })
    const answer = { ...forged, responder: victim.signer.publicKey }
    net.inject(asker, liar, encodeCastFrame({ type: 'answer', answer }))
    expect(asker.drop('answer-signature')).toBe(1)
    net.run(500)
    const said = resultOf(asker)?.answers.find(({ peer }) => peer === victim.id)
    expect(said?.payload).toEqual(PAYLOAD)
  })

  test('a relay passes an answer on once, however often it comes', () => {
    const net = new Net({ seed: 10, nodes: 3, thinkMs: 100 })
    const [asker, member, relay] = [net.node(0), net.node(1), net.node(2)]
    ask(net, asker)
    net.run(50)
    const [, epoch, sequence] = question(asker).split('-').map(Number)
    const answer = signAnswer(member.signer, 'net', {
      asker: asker.signer.publicKey,
      ...{ epoch: epoch ?? 0, sequence: sequence ?? 0, status: 'ok', payload: PAYLOAD },
    })
    const before = relay.framesOut
    for (let i = 0; i < 3; i++) {
      net.inject(relay, member, encodeCastFrame({ type: 'answer', answer }))
    }
    expect(relay.framesOut - before).toBe(1)
  })

  test('an answer to what was never asked is dropped', () => {
    const net = new Net({ seed: 6, nodes: 3 })
    const [asker, liar] = [net.node(0), net.node(1)]
    const answer = signAnswer(liar.signer, 'net', {
      asker: asker.signer.publicKey,
      ...{ epoch: 1, sequence: 99, status: 'ok', payload: PAYLOAD },
    })
    net.inject(asker, liar, encodeCastFrame({ type: 'answer', answer }))
    net.inject(net.node(2), liar, encodeCastFrame({ type: 'answer', answer }))
    expect(asker.drop('answer-late')).toBe(1)
    expect(net.node(2).drop('answer-late')).toBe(1)
  })

  test('an answer above 1 KiB fails instead of leaving', () => {
    const net = new Net({ seed: 7, nodes: 2 })
    net.node(1).isMute = true
    ask(net, net.node(0))
    net.run(50)
    const id = question(net.node(1))
    net.input(net.node(1), { type: 'answer', id, status: 'ok', payload: new Uint8Array(1_025) })
    net.run(50)
    const said = resultOf(net.node(0))?.answers.find(({ peer }) => peer === net.node(1).id)
    expect(said).toMatchObject({ status: 'failed', payload: new Uint8Array(0) })
  })

  test('a cancelled query tells nothing', () => {
    const net = new Net({ seed: 8, nodes: 3 })
    ask(net, net.node(0))
    net.input(net.node(0), { type: 'cancel', request: 7 })
    net.run(3_000)
    expect(resultOf(net.node(0))).toBeUndefined()
  })

  test.each([
    [0, 1],
    [600_001, 1],
    [Number.NaN, 1],
    [1_000, 0],
    [1_000, 4],
    [1_000, 1.5],
  ])('within %d ms with relay factor %d is refused', (withinMs, relayFactor) => {
    const net = new Net({ seed: 9, nodes: 2 })
    ask(net, net.node(0), { withinMs, relayFactor })
    expect(net.node(0).done).toMatchObject([{ type: 'cast-refused' }])
  })
})
