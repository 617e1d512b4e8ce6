/** The Internet's packets: where their fields are, their sums, addresses as people write them. */
module dev.outboard.internet {
    exports dev.outboard.internet;
}
