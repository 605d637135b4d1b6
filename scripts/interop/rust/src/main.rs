//! A libp2p node in Rust that is none of ours: rust-libp2p and its Kademlia under the name of hearsay's, with what
//! docs/PROTOCOL.md asks of a foreign peer: the hello, a member stream whose frames it ignores, identify. Its store takes
//! whatever it is given, and which of the records found counts is left to who asks. Requests and answers are those of ../go/main.go.

use std::{
    collections::{HashMap, HashSet},
    error::Error,
    time::Duration,
};

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, StreamExt, io};
use libp2p::{
    Multiaddr, PeerId, Stream, StreamProtocol, Swarm, SwarmBuilder, identify,
    kad::{self, store::RecordStore},
    multiaddr::Protocol,
    noise,
    swarm::{NetworkBehaviour, SwarmEvent},
    tcp, yamux,
};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, BufReader, stdin},
    sync::mpsc,
};

const WAIT_MAX: Duration = Duration::from_secs(10);
/// An envelope around a value of 64 KiB, and a message around that.
const RECORD_BYTES_MAX: usize = 72 * 1024;
const FRAME_BYTES_MAX: usize = 8 * 1024;

/// Types of the hello's messages.
const OPEN: u8 = 1;
const CHALLENGE: u8 = 2;
const PROOF: u8 = 3;
const ADMIT: u8 = 4;

type Failure = Box<dyn Error + Send + Sync>;

#[derive(NetworkBehaviour)]
struct Behaviour {
    identify: identify::Behaviour,
    kad: kad::Behaviour<kad::store::MemoryStore>,
    streams: libp2p_stream::Behaviour,
}

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
enum Request {
    Join { address: Multiaddr },
    Put { key: String, value: String },
    Keep { key: String, value: String },
    Get { key: String },
    Find { peer: String },
    Providers { key: String },
}

#[derive(Default, Serialize)]
struct Answer {
    #[serde(skip_serializing_if = "String::is_empty")]
    address: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    peer: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    values: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    peers: Vec<String>,
    count: usize,
    #[serde(skip_serializing_if = "String::is_empty")]
    error: String,
}

/// Who we are to whom, in the hello.
#[derive(Clone)]
struct Introduction {
    network: String,
    version: u8,
}

struct Node {
    swarm: Swarm<Behaviour>,
    introduction: Introduction,
    /// Queries under way, and what is found so far.
    query: Option<(kad::QueryId, Sought)>,
    /// Peers that we were told to join, by address.
    joining: HashMap<PeerId, Multiaddr>,
    /// Peers that we have said hello to.
    admitted: HashSet<PeerId>,
    greeted: mpsc::Sender<(PeerId, Result<(), Failure>)>,
}

struct Sought {
    peer: Option<PeerId>,
    answer: Answer,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let [_, network, version] = std::env::args()
        .collect::<Vec<_>>()
        .try_into()
        .map_err(|_| Failure::from("Usage: hearsay-interop NETWORK PROTOCOL-VERSION"))?;
    let introduction = Introduction {
        network,
        version: version.parse()?,
    };
    let (greeted, mut greetings) = mpsc::channel(16);
    let mut node = Node::start(introduction, greeted)?;
    let mut lines = BufReader::new(stdin()).lines();
    loop {
        tokio::select! {
            event = node.swarm.select_next_some() => node.event(event),
            Some((peer, outcome)) = greetings.recv() => node.greeted(peer, outcome),
            line = lines.next_line() => match line? {
                None => return Ok(()),
                Some(line) => node.ask(serde_json::from_str(&line)?),
            },
        }
    }
}

fn say(answer: Answer) {
    println!(
        "{}",
        serde_json::to_string(&answer).expect("an answer is JSON")
    );
}

fn fail(error: impl ToString) {
    say(Answer {
        error: error.to_string(),
        ..Answer::default()
    });
}

impl Node {
    fn start(
        introduction: Introduction,
        greeted: mpsc::Sender<(PeerId, Result<(), Failure>)>,
    ) -> Result<Node, Failure> {
        let kad_protocol = protocol(&introduction.network, "kad/1.0.0")?;
        let mut swarm = SwarmBuilder::with_new_identity()
            .with_tokio()
            .with_tcp(
                tcp::Config::default(),
                noise::Config::new,
                yamux::Config::default,
            )?
            .with_behaviour(|key| {
                let peer = key.public().to_peer_id();
                let mut config = kad::Config::new(kad_protocol);
                config
                    .set_query_timeout(WAIT_MAX)
                    // 16 KiB unless told otherwise: less than a record may have.
                    .set_max_packet_size(RECORD_BYTES_MAX + 1024)
                    .set_replication_interval(None)
                    .set_publication_interval(None)
                    .set_periodic_bootstrap_interval(None);
                let store = kad::store::MemoryStore::with_config(
                    peer,
                    kad::store::MemoryStoreConfig {
                        max_value_bytes: RECORD_BYTES_MAX,
                        ..Default::default()
                    },
                );
                let mut kad = kad::Behaviour::with_config(peer, store, config);
                kad.set_mode(Some(kad::Mode::Server));
                Behaviour {
                    identify: identify::Behaviour::new(identify::Config::new(
                        "hearsay-interop".into(),
                        key.public(),
                    )),
                    kad,
                    streams: libp2p_stream::Behaviour::new(),
                }
            })?
            .with_swarm_config(|config| {
                config.with_idle_connection_timeout(Duration::from_secs(600))
            })
            .build();
        swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse()?)?;
        let mut control = swarm.behaviour().streams.new_control();
        let mut hellos = control.accept(protocol(&introduction.network, "hello/1")?)?;
        let mut members = control.accept(protocol(&introduction.network, "member/1")?)?;
        let whom = introduction.clone();
        tokio::spawn(async move {
            while let Some((_, stream)) = hellos.next().await {
                let whom = whom.clone();
                tokio::spawn(async move { admit(stream, &whom).await });
            }
        });
        tokio::spawn(async move {
            while let Some((_, stream)) = members.next().await {
                tokio::spawn(drain(stream));
            }
        });
        Ok(Node {
            swarm,
            introduction,
            query: None,
            joining: HashMap::new(),
            admitted: HashSet::new(),
            greeted,
        })
    }

    fn ask(&mut self, request: Request) {
        if let Err(error) = self.begin(request) {
            fail(error);
        }
    }

    fn begin(&mut self, request: Request) -> Result<(), Failure> {
        let kad = &mut self.swarm.behaviour_mut().kad;
        let mut sought = None;
        let id = match request {
            Request::Join { address } => {
                let Some(Protocol::P2p(peer)) = address.iter().last() else {
                    return Err("an address without a peer id".into());
                };
                if self.admitted.contains(&peer) {
                    kad.add_address(&peer, address);
                    say(Answer::default());
                    return Ok(());
                }
                self.joining.insert(peer, address.clone());
                if !self.swarm.is_connected(&peer) {
                    self.swarm.dial(address)?;
                }
                return Ok(());
            }
            Request::Put { key, value } => kad.put_record(
                kad::Record::new(hex::decode(key)?, hex::decode(value)?),
                kad::Quorum::All,
            )?,
            Request::Keep { key, value } => {
                kad.store_mut()
                    .put(kad::Record::new(hex::decode(key)?, hex::decode(value)?))?;
                say(Answer::default());
                return Ok(());
            }
            Request::Get { key } => kad.get_record(kad::RecordKey::new(&hex::decode(key)?)),
            Request::Find { peer } => {
                let peer: PeerId = peer.parse()?;
                sought = Some(peer);
                kad.get_closest_peers(peer)
            }
            Request::Providers { key } => {
                kad.get_providers(kad::RecordKey::new(&hex::decode(key)?))
            }
        };
        self.query = Some((
            id,
            Sought {
                peer: sought,
                answer: Answer::default(),
            },
        ));
        Ok(())
    }

    fn event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::NewListenAddr { address, .. } => {
                let peer = *self.swarm.local_peer_id();
                say(Answer {
                    address: address.with(Protocol::P2p(peer)).to_string(),
                    peer: peer.to_string(),
                    ..Answer::default()
                });
            }
            // Kademlia dials too, and asks at once: it is refused until the hello is through, then answered.
            SwarmEvent::ConnectionEstablished {
                peer_id, endpoint, ..
            } if endpoint.is_dialer() => {
                let mut control = self.swarm.behaviour().streams.new_control();
                let (whom, greeted) = (self.introduction.clone(), self.greeted.clone());
                tokio::spawn(async move {
                    let outcome = tokio::time::timeout(WAIT_MAX, async {
                        let stream = control
                            .open_stream(peer_id, protocol(&whom.network, "hello/1")?)
                            .await?;
                        introduce(stream, &whom).await
                    });
                    let outcome = outcome.await.unwrap_or_else(|late| Err(late.into()));
                    let _ = greeted.send((peer_id, outcome)).await;
                });
            }
            SwarmEvent::ConnectionClosed {
                peer_id,
                num_established: 0,
                ..
            } => {
                self.admitted.remove(&peer_id);
            }
            SwarmEvent::OutgoingConnectionError {
                peer_id: Some(peer),
                error,
                ..
            } => {
                if self.joining.remove(&peer).is_some() {
                    fail(error);
                }
            }
            SwarmEvent::Behaviour(BehaviourEvent::Kad(kad::Event::OutboundQueryProgressed {
                id,
                result,
                step,
                ..
            })) => self.progress(id, result, step.last),
            _ => {}
        }
    }

    fn greeted(&mut self, peer: PeerId, outcome: Result<(), Failure>) {
        if outcome.is_ok() {
            self.admitted.insert(peer);
        }
        let Some(address) = self.joining.remove(&peer) else {
            return;
        };
        match outcome {
            Err(error) => fail(error),
            Ok(()) => {
                self.swarm.behaviour_mut().kad.add_address(&peer, address);
                say(Answer::default());
            }
        }
    }

    fn progress(&mut self, id: kad::QueryId, result: kad::QueryResult, is_last: bool) {
        let Some((_, sought)) = self.query.as_mut().filter(|(sought, _)| *sought == id) else {
            return;
        };
        let answer = &mut sought.answer;
        match result {
            kad::QueryResult::GetRecord(Ok(kad::GetRecordOk::FoundRecord(found))) => {
                answer.values.push(hex::encode(found.record.value));
            }
            kad::QueryResult::GetRecord(Err(error)) if answer.values.is_empty() => {
                answer.error = error.to_string()
            }
            // Nobody is twenty: those that took it count.
            kad::QueryResult::PutRecord(Err(kad::PutRecordError::QuorumFailed {
                success, ..
            })) => {
                answer.count = success.len();
            }
            kad::QueryResult::PutRecord(Err(error)) => answer.error = error.to_string(),
            kad::QueryResult::GetClosestPeers(Ok(found)) => {
                let found = found
                    .peers
                    .into_iter()
                    .filter(|peer| Some(peer.peer_id) == sought.peer);
                answer.peers = found
                    .flat_map(|peer| peer.addrs)
                    .map(|address| address.to_string())
                    .collect();
            }
            kad::QueryResult::GetProviders(Ok(kad::GetProvidersOk::FoundProviders {
                providers,
                ..
            })) => {
                answer.count += providers.len();
            }
            _ => {}
        }
        if is_last && let Some((_, sought)) = self.query.take() {
            say(sought.answer);
        }
    }
}

fn protocol(network: &str, name: &str) -> Result<StreamProtocol, Failure> {
    Ok(StreamProtocol::try_from_owned(format!(
        "/hearsay/{network}/{name}"
    ))?)
}

/// The hello of who dials. Its stream stays open, and is read, for as long as the connection lives.
async fn introduce(mut stream: Stream, whom: &Introduction) -> Result<(), Failure> {
    write_frame(&mut stream, &whom.message(OPEN)).await?;
    expect(&mut stream, CHALLENGE).await?;
    write_frame(&mut stream, &[PROOF, 0, 0]).await?;
    expect(&mut stream, ADMIT).await?;
    tokio::spawn(drain(stream));
    Ok(())
}

/// The hello of who is dialled: everybody is admitted.
async fn admit(mut stream: Stream, whom: &Introduction) -> Result<(), Failure> {
    expect(&mut stream, OPEN).await?;
    write_frame(&mut stream, &whom.message(CHALLENGE)).await?;
    expect(&mut stream, PROOF).await?;
    write_frame(&mut stream, &[ADMIT, 0]).await?;
    drain(stream).await;
    Ok(())
}

impl Introduction {
    fn message(&self, kind: u8) -> Vec<u8> {
        let mut body = vec![kind, self.version, self.version, self.network.len() as u8];
        body.extend_from_slice(self.network.as_bytes());
        // Nonce and session: of two processes never the same, which is all that is asked without a key.
        for _ in 0..5 {
            body.extend_from_slice(&PeerId::random().to_bytes()[2..10]);
        }
        body.push(0);
        body
    }
}

/// Reads on, so that the other end is never held up.
async fn drain(stream: Stream) {
    let _ = io::copy(stream, &mut io::sink()).await;
}

async fn write_frame(stream: &mut (impl AsyncWrite + Unpin), body: &[u8]) -> Result<(), Failure> {
    stream.write_all(&(body.len() as u32).to_be_bytes()).await?;
    stream.write_all(body).await?;
    Ok(stream.flush().await?)
}

async fn expect(stream: &mut (impl AsyncRead + Unpin), kind: u8) -> Result<(), Failure> {
    let mut head = [0; 4];
    stream.read_exact(&mut head).await?;
    let length = u32::from_be_bytes(head) as usize;
    if length == 0 || length > FRAME_BYTES_MAX {
        return Err(format!("a frame of {length} bytes").into());
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    if body[0] != kind {
        let text = String::from_utf8_lossy(&body[1..]);
        return Err(format!("hello message {} instead of {kind}: {text}", body[0]).into());
    }
    Ok(())
}
