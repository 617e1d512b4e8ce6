package dev.outboard.models;

import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.NativeException;
import dev.outboard.uio.ProcessControl;
import dev.outboard.uio.UnixSocket;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Scanner;

/** A switch in a process that has no descriptor left, until it is told to let go of some. */
final class FullProcess {
    private static final long WATCHED_MILLIS = 500;

    private FullProcess() {}

    /** Arguments: the sockets of two ports. */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        ProcessControl.dieWithParent();
        var ports =
                NicOptions.of(
                        NicPortOptions.at(Path.of(arguments[0])),
                        NicPortOptions.at(Path.of(arguments[1])));
        try (var model = new NicModel(ports);
                var orders = new Scanner(System.in)) {
            model.start();
            // What answers later is loaded while there are descriptors to load it with.
            LoopThread.busyMillis("nic", 1);
            for (UnixSocket end : UnixSocket.pair(UnixSocket.Kind.STREAM)) {
                end.close();
            }
            List<EventDescriptor> hoard = hoard();
            System.out.println("full");
            orders.nextLine();
            System.out.println(LoopThread.busyMillis("nic", WATCHED_MILLIS));
            hoard.forEach(EventDescriptor::close);
            System.out.println("released");
            orders.nextLine();
        }
    }

    private static List<EventDescriptor> hoard() {
        var hoard = new ArrayList<EventDescriptor>();
        try {
            while (true) {
                hoard.add(EventDescriptor.create());
            }
        } catch (NativeException e) {
            return hoard;
        }
    }
}
