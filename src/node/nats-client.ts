/**
 * All that Inlay uses of the `nats` package, which is frozen upstream: its successor is a change of this file.
 *
 * Its known faults, and who works around them: it reconnects badly (`nats.ts` does it itself), writes subjects into the
 * protocol as they are (`purge/message.ts` checks each token), takes a headers object that is used twice for a duplicate
 * (`nats-stream.ts` never makes one), drops what is published while disconnected (`nats-publisher.ts` waits for a line), and
 * its ordered consumer may wait for ever (`nats-stream.ts` reads with a push consumer of its own).
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
  type JetStreamManager,
  type Msg,
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
