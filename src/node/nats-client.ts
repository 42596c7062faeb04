/**
 * All that Inlay uses of the `nats` package, which is frozen upstream: its successor is a change of this file.
 *
 * Its known faults, and who works around them: it reconnects badly (`nats.ts` does it itself), writes subjects into the
 * protocol as they are (`purge/message.ts` checks each token), takes a headers object that is used twice for a duplicate
 * (`nats-publisher.ts` makes a fresh one each time), drops what is published while disconnected (`nats-publisher.ts` waits
 * for a line), its ordered consumer may wait for ever (`nats-reader.ts` reads with a push consumer of its own), and it reads
 * headers in time that grows with the square of their number, and throws for some (`nats-signature.ts` reads the bytes).
 */
export {
  AckPolicy,
  type Authenticator,
  type ConnectionOptions,
  type ConsumerInfo,
  connect,
  createInbox,
  credsAuthenticator,
  DeliverPolicy,
  DiscardPolicy,
  Events,
  headers,
  type JetStreamManager,
  type Msg,
  type MsgHdrs,
  millis,
  type NatsConnection,
  type NatsError,
  nanos,
  nkeyAuthenticator,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
  type StreamInfo,
  type Subscription,
} from 'nats';
