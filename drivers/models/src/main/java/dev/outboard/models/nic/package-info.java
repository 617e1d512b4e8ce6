/**
 * The inside of the switch: frames from the senders' rings into the receivers', with one copy.
 *
 * <pre>
 *   Sender (transmit ring) ──► Frame ──► NicSwitch: who gets it? ──► Delivery ──► Receiver (ring)
 *                                          │ MacTable, FlowTable        │
 *                                          │ ReceiveFilter              └─► SegmentCutter, where
 *   control ring ──► ControlQueue ─────────┘                                the receiver takes
 *                                                                           no offloads
 * </pre>
 *
 * <p>What the sender left undone (a checksum, segmentation) is passed on to a receiver that said it
 * takes it, and done in software, with a second copy, for one that did not. Everything is the
 * loop's thread's; nothing allocates once a port's session is open.
 */
package dev.outboard.models.nic;
