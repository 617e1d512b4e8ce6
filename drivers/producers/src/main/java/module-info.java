/** Several threads feed one transmit queue, without a lock and without a copy. */
module dev.outboard.producers {
    requires transitive dev.outboard.driver;
    requires com.lmax.disruptor;

    exports dev.outboard.producers;
}
