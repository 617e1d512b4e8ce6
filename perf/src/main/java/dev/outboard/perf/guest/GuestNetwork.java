package dev.outboard.perf.guest;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A guest whose one device is a network interface that a driver of ours serves, over vhost-user:
 * the guest's memory is lent to the driver's device, and so stands in a file that other processes
 * map, sealed against being shrunk under them.
 *
 * @param socket where a driver serves: {@code outboard run net --serve PATH}
 */
record GuestNetwork(Path socket) {
    /** Enough for a kernel and a shell; all of it is lent. */
    private static final int MEMORY_MEBIBYTES = 256;

    /** A name for the guest's side of the interface, of nobody's range. */
    private static final String MAC = "52:54:00:64:6f:6d";

    /**
     * Interrupts by the function's line: QEMU 7.2 crashes as it sets the vectors of an interface
     * behind vhost-user up, where nothing but it runs the processor.
     */
    private static final String LINE = ",vectors=0";

    /** The options that give QEMU memory and the interface. */
    List<String> options() {
        var memory = MEMORY_MEBIBYTES + "M";
        return List.of(
                "-m",
                memory,
                "-object",
                "memory-backend-memfd,id=lent,share=on,seal=on,size=" + memory,
                "-machine",
                "memory-backend=lent",
                "-chardev",
                "socket,id=served,path=" + socket,
                "-netdev",
                "vhost-user,id=net0,chardev=served",
                "-device",
                "virtio-net-pci,netdev=net0,disable-legacy=on,romfile=,mac=" + MAC + LINE);
    }

    /** What the guest runs: its interface comes up with an address of DHCP's, then the lines. */
    static String script(List<String> lines) {
        var script = new ArrayList<String>();
        script.add("for i in 1 2 3 4 5 6 7 8 9; do [ -e /sys/class/net/eth0 ] || sleep 0.2; done");
        script.add("ip link set eth0 up");
        script.add("udhcpc -i eth0 -n -q -t 10 -T 2 -s /etc/udhcpc-script");
        script.addAll(lines);
        return String.join("\n", script);
    }
}
