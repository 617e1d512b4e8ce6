package dev.outboard.dma.mediator;

/**
 * Layout of the memory by which one mapping service asks the mediator: a ring of requests, and one
 * word for the answer.
 *
 * <p>Host byte order. What the two sides write lies in different pages, what is written often on a
 * pair of cache lines of its own. Each side keeps its own copy of what it writes, and never reads
 * it back.
 *
 * <pre>
 *  offset   written by the client
 *       0   put: requests published, ever                                          u64
 *     128   asleep: 1 asks for a signal when the answer is there                   u64
 *
 *  offset   written by the mediator
 *    4096   taken: requests copied, ever; their slots may be used again            u64
 *    4224   answer: │ 63       8 │ 7      0 │                                      u64
 *                   │  sequence  │  status  │  of the last COMMIT or SETTLE
 *    4352   asleep: 1 asks for a doorbell when something was put                   u64
 *
 *  offset   written by the client
 *    8192   slots: request <i>n</i> is in slot <i>n</i> mod 1024                   u64 × 2 × 1024
 *
 *  slot     63                                   28 27                      4 3        0
 *   +0     ┌───────────────────────────────────────┬─────────────────────────┬──────────┐
 *          │            IOVA page                  │          pages          │   code   │
 *   +8     ├───────────────────────────────────────┴──────────┬──────────────┴──┬───────┤
 *          │            page frame (of MAP)                   │      flags      │access │
 *          └──────────────────────────────────────────────────┴─────────────────┴───────┘
 *           63                                              12 11              2 1      0
 * </pre>
 */
final class RequestRingDescriptor {
    static final int SLOTS = 1024;
    static final int SLOT_BYTES = 16;

    static final int PUT_OFFSET = 0;
    static final int CLIENT_ASLEEP_OFFSET = 128;
    static final int TAKEN_OFFSET = 4096;
    static final int ANSWER_OFFSET = 4224;
    static final int MEDIATOR_ASLEEP_OFFSET = 4352;
    static final int SLOTS_OFFSET = 8192;
    static final int LENGTH_BYTES = SLOTS_OFFSET + SLOTS * SLOT_BYTES;

    static final int STATUS_BITS = 8;
    static final int CODE_MASK = 0xf;
    static final int PAGES_SHIFT = 4;
    static final int PAGES_MASK = 0xff_ffff;
    static final int PAGE_SHIFT = 28;
    static final int FRAME_SHIFT = 12;
    static final int ACCESS_MASK = 0x3;

    private RequestRingDescriptor() {}
}
