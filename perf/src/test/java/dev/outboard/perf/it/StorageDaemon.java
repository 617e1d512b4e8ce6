package dev.outboard.perf.it;

import dev.outboard.host.process.OutboardProcess;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** How {@code qemu-storage-daemon} is started: one raw file behind one vhost-user-blk socket. */
final class StorageDaemon {
    private StorageDaemon() {}

    static OutboardProcess start(ProcessTest test, Path image, Path socket)
            throws InterruptedException {
        var process =
                test.program(
                        "qemu-storage-daemon",
                        List.of(
                                "qemu-storage-daemon",
                                "--blockdev",
                                "driver=file,node-name=f0,filename=" + image,
                                "--blockdev",
                                "driver=raw,node-name=d0,file=f0",
                                "--export",
                                "type=vhost-user-blk,id=e0,node-name=d0,addr.type=unix,addr.path="
                                        + socket
                                        + ",writable=on,num-queues=2,logical-block-size=512"),
                        Map.of());
        ProcessTest.awaitFile(socket, process);
        return process;
    }
}
