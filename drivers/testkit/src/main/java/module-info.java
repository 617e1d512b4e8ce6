/** For the tests of drivers: a device in the test's own hands, honest or not. */
module dev.outboard.testkit {
    requires transitive dev.outboard.virtio;

    exports dev.outboard.testkit;
}
