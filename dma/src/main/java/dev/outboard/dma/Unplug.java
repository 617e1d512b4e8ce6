package dev.outboard.dma;

/** What becomes of memory that is in use when it is to be unplugged. */
public enum Unplug {
    /** It stays, and who has it is named. */
    REFUSE,

    /** Its mappings are revoked, its buffers taken away. */
    FORCE
}
