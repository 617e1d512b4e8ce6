package dev.outboard.models;

import dev.outboard.uio.ProcessControl;
import java.nio.file.Path;

/** A disk in a process of its own, which says whether it could start. */
final class DiskProcess {
    static final String STARTED = "started";

    private DiskProcess() {}

    /** Arguments: the socket, the file, and {@code read-only} if it is to be. */
    public static void main(String[] arguments) {
        ProcessControl.dieWithParent();
        var options =
                DiskOptions.of(Path.of(arguments[0]), Path.of(arguments[1]))
                        .withReadOnly(arguments.length > 2);
        try (var model = new DiskModel(options)) {
            model.start();
            System.out.println(STARTED);
        } catch (DeviceModelException e) {
            System.out.println(e.getMessage());
        }
    }
}
